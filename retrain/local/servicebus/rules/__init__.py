"""Which messages a subscription takes: correlation filters, and Service Bus's SQL with its actions.

Nothing here knows of queues. A rule is compiled once; it then looks at a message through a View.
Source: Microsoft's "Subscription Rule SQL Filter Syntax", "… SQL Action Syntax", "Topic filters".
"""
