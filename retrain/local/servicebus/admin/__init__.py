"""Administration over https: entities as Atom documents, as ServiceBusAdministrationClient asks."""
