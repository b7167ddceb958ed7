"""How news travels: the table is the letter, a hint is the doorbell.

What happened stands in the table `events`. A hint (a topic and its newest seq) only says "look at the
table", so a lost, doubled or late one changes nothing but the time of the look.
"""
