# orders-reader: an example of what an agent's own token may do.
path "secret/data/orders" { capabilities = ["read"] }
