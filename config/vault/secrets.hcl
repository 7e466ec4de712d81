# mayfly-secrets: the paths at which the broker reads dynamic secrets, one line for each grant. `update` where the grant
# says `method: write`. Agents never get a token with this policy.
path "database/creds/orders-ro" { capabilities = ["read"] }
