"""Other GraphQL servers on the same data, beside this one: the same operations, the same answers, what each costs."""
