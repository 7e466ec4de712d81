-- Once, as an administrator of the database. OpenBao's own user makes roles and hands out one group; it is no superuser.
CREATE ROLE orders_ro NOLOGIN;
GRANT SELECT ON orders TO orders_ro;
CREATE ROLE openbao LOGIN CREATEROLE PASSWORD 'change-me';
GRANT orders_ro TO openbao WITH ADMIN OPTION;
