"""Other people's programs against real processes of ours: proxies before the server, clients of it."""
