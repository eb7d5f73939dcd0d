"""The demo: the program, a stand-in of Stripe and a few hundred visitors, compared to the cent.

It uses what anybody could use: commands, HTTP, and the stand-in's own books as the referee.
"""
