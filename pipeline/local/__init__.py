"""The laptop: fetch what is needed, start the servers, supervise the processes, answer the command line."""
