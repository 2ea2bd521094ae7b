"""The cashier's page: who the customer is, what this sale gives, and how the till is.

Owns: the page's values (`view`), its words (`messages`), its drawing (`pages`, `templates`,
`static`) and its routes (`routes`). Must never: decide a price, hold a balance, or reach the
network beyond its own origin. A `PanelSource` brings the values; the agent has one.
"""
