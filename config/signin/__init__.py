"""How people come in: pages and rules of sign-in, built on django-allauth."""
