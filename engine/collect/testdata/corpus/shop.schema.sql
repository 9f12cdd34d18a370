CREATE TABLE suppliers (id int PRIMARY KEY, name text, country text);
CREATE TABLE categories (id int PRIMARY KEY, parent_id int REFERENCES categories, name text);
CREATE TABLE users (id int PRIMARY KEY, name text, email text, category_id int REFERENCES categories, created_at timestamptz);
CREATE TABLE products (id int PRIMARY KEY, category_id int REFERENCES categories, supplier_id int REFERENCES suppliers, name text, price numeric, tags text[]);
CREATE TABLE inventory (product_id int REFERENCES products, warehouse_id int, quantity int, PRIMARY KEY (product_id, warehouse_id));
CREATE TABLE orders (id int PRIMARY KEY, user_id int REFERENCES users, status text, created_at timestamptz);
CREATE TABLE order_items (id int PRIMARY KEY, order_id int REFERENCES orders, product_id int REFERENCES products, quantity int, price numeric);
CREATE TABLE payments (id int PRIMARY KEY, order_id int REFERENCES orders, amount numeric, method text);
CREATE TABLE events (id int, user_id int, kind text, at date) PARTITION BY RANGE (at);
CREATE TABLE events_2026_01 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE TABLE events_2026_02 PARTITION OF events FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
CREATE SCHEMA sales;
CREATE TABLE sales.targets (user_id int, amount numeric);
CREATE VIEW open_orders AS SELECT o.id, o.user_id, u.name FROM orders o JOIN users u ON u.id = o.user_id WHERE o.status = 'open';
CREATE VIEW open_items AS SELECT v.name AS buyer, i.product_id FROM open_orders v JOIN order_items i ON i.order_id = v.id;
CREATE MATERIALIZED VIEW best_sellers AS SELECT p.id, sum(i.quantity) AS sold FROM products p JOIN order_items i ON i.product_id = p.id GROUP BY p.id
