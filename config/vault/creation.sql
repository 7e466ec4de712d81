CREATE ROLE "{{name}}" LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}' CONNECTION LIMIT 5;
GRANT orders_ro TO "{{name}}";
GRANT "{{name}}" TO CURRENT_USER;
