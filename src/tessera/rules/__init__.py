"""Pure rules: from a programme, a member and a basket to a quote."""
