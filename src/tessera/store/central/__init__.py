"""Central's database: inbox, ledger, members, registers, feeds."""
