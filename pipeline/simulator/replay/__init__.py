"""A recorded session as a market: played from its first subscriber on, at any speed, digit for digit."""
