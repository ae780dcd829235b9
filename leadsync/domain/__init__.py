"""The rules of leadsync: pure functions over frozen data, standard library only.

Nothing in here reads a clock, a file or a network, draws at random or writes a log.
"""
