"""trackrev-stream: which link earned this Stripe charge, and what is it worth after refunds?"""

__version__ = "0.1.0"
