# mayfly-broker: what the broker's own login may do, and nothing else.

# Makes one parent for each boot. The token role decides what a parent is: see parent-role.json.
path "auth/token/create/mayfly-parent" { capabilities = ["update"] }

# Takes credentials back, and prolongs them to the end of their lease. Accessors and lease ids cannot be guessed or listed.
path "auth/token/revoke-accessor" { capabilities = ["update"] }
path "auth/token/renew-accessor"  { capabilities = ["update"] }
path "auth/token/lookup-accessor" { capabilities = ["update"] }
path "sys/leases/revoke"          { capabilities = ["update"] }
path "sys/leases/renew"           { capabilities = ["update"] }

# Its own token.
path "auth/token/lookup-self" { capabilities = ["read"] }
path "auth/token/renew-self"  { capabilities = ["update"] }
path "auth/token/revoke-self" { capabilities = ["update"] }

# What `mayfly doctor` looks at: it reads, and changes nothing. One line for each database role that a grant names.
path "sys/capabilities-self"          { capabilities = ["update"] }
path "auth/token/roles/mayfly-parent" { capabilities = ["read"] }
path "database/roles/orders-ro"       { capabilities = ["read"] }
