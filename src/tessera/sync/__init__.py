"""Between till and central: the wire, signatures, what to send next."""
