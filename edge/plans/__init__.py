"""Operations worked out once: which resolvers to call, and how their rows become JSON.

A plan is made from the schema and the types' own declarations (`projection`), so there is nothing in it to
keep in step with them. It asks level by level, for all objects of a level together. What it does not know how
to do, and whatever goes wrong on the way, is left to graphql-core (`edge.core`), which says what the standard
says.
"""
