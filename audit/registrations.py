"""Everything this app plugs into its own registries, in one place."""

from audit import verbs

verbs.register(
    {
        "access.refused": "{actor} was refused",
    }
)
