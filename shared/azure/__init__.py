"""Adapters of the ports over the Azure SDKs; the SDKs' names and errors stop here."""
