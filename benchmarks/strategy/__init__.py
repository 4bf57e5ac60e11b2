"""What each idea for a fast server gives, measured here by switching it off and on."""
