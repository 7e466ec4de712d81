# mayfly-parent: a parent makes the tokens of tasks. They are its children, so they end when it does, and they get no
# policy that it has not got itself: see allowed_policies in parent-role.json.
path "auth/token/create" { capabilities = ["update"] }
