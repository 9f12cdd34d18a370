package local

import "math/rand/v2"

// class is one kind of statement of the workload: a fixed text, so that it is one row of pg_stat_statements.
type class struct {
	name   string
	tables []string
	weight float64 // parts of the rate
	sql    string
	args   func(r *rand.Rand) []any
}

// The sizes of the demo shop, as shop.sql makes them.
const (
	users, products, categories, suppliers, orders, carts = 250_000, 20_000, 2_000, 300, 200_000, 30_000
	// hotProducts are the few that everybody reserves, where locks are felt.
	hotProducts = 20
)

// classes is the workload. Weights are parts of the sum of all weights.
var classes = []class{
	{"user_lookup", []string{"users"}, 18,
		`SELECT id, name, email FROM users WHERE id = $1`,
		func(r *rand.Rand) []any { return []any{1 + r.IntN(users)} }},
	{"recommendations", []string{"users", "products"}, 14,
		`SELECT u.id, u.name, p.id, p.name, p.price FROM users u JOIN products p ON p.category_id = u.category_id WHERE u.category_id = $1 AND p.active ORDER BY p.price, u.id LIMIT 20`,
		func(r *rand.Rand) []any { return []any{1 + r.IntN(categories)} }},
	{"order_details", []string{"orders", "order_items", "products"}, 12,
		`SELECT o.id, o.status, i.quantity, i.price, p.name FROM orders o JOIN order_items i ON i.order_id = o.id JOIN products p ON p.id = i.product_id WHERE o.id = $1`,
		func(r *rand.Rand) []any { return []any{1 + r.IntN(orders)} }},
	{"stock_check", []string{"products", "inventory"}, 12,
		`SELECT p.name, v.warehouse_id, v.quantity FROM products p JOIN inventory v ON v.product_id = p.id WHERE p.id = $1`,
		func(r *rand.Rand) []any { return []any{1 + r.IntN(products)} }},
	{"payment_status", []string{"payments", "orders"}, 8,
		`SELECT y.amount, y.method, o.status FROM payments y JOIN orders o ON o.id = y.order_id WHERE o.user_id = $1`,
		func(r *rand.Rand) []any { return []any{1 + r.IntN(users)} }},
	{"product_reviews", []string{"reviews", "users"}, 8,
		`SELECT v.rating, v.body, u.name FROM reviews v JOIN users u ON u.id = v.user_id WHERE v.product_id = $1`,
		func(r *rand.Rand) []any { return []any{1 + r.IntN(products)} }},
	{"cart_contents", []string{"carts", "cart_items", "products"}, 7,
		`SELECT c.id, t.quantity, p.name, p.price FROM carts c JOIN cart_items t ON t.cart_id = c.id JOIN products p ON p.id = t.product_id WHERE c.user_id = $1`,
		func(r *rand.Rand) []any { return []any{1 + r.IntN(users)} }},
	{"shipment_tracking", []string{"shipments", "orders", "warehouses"}, 6,
		`SELECT s.status, w.city, o.created_at FROM shipments s JOIN orders o ON o.id = s.order_id JOIN warehouses w ON w.id = s.warehouse_id WHERE o.id = $1`,
		func(r *rand.Rand) []any { return []any{1 + r.IntN(orders)} }},
	{"catalog_page", []string{"products", "categories", "suppliers"}, 5,
		`SELECT p.id, p.name, c.name, s.name FROM products p JOIN categories c ON c.id = p.category_id JOIN suppliers s ON s.id = p.supplier_id WHERE c.id = $1`,
		func(r *rand.Rand) []any { return []any{1 + r.IntN(categories)} }},
	{"place_order", []string{"orders"}, 3,
		`INSERT INTO orders (user_id, status) VALUES ($1, 'new')`,
		func(r *rand.Rand) []any { return []any{1 + r.IntN(users)} }},
	{"add_item", []string{"order_items"}, 3,
		`INSERT INTO order_items (order_id, product_id, quantity, price) VALUES ($1, $2, $3, 9.99)`,
		func(r *rand.Rand) []any { return []any{1 + r.IntN(orders), 1 + r.IntN(products), 1 + r.IntN(5)} }},
	{"reserve_stock", []string{"inventory"}, 3,
		`UPDATE inventory SET quantity = quantity - 1 WHERE product_id = $1 AND warehouse_id = $2`,
		func(r *rand.Rand) []any { return []any{1 + r.IntN(hotProducts), 1 + r.IntN(4)} }},
	{"log_action", []string{"audit_log"}, 4,
		`INSERT INTO audit_log (user_id, action) VALUES ($1, 'view')`,
		func(r *rand.Rand) []any { return []any{1 + r.IntN(users)} }},
	{"revenue_report", []string{"payments", "orders"}, 0.3,
		`SELECT y.method, count(*), sum(y.amount) FROM payments y JOIN orders o ON o.id = y.order_id WHERE o.created_at > now() - make_interval(hours => $1) GROUP BY y.method`,
		func(r *rand.Rand) []any { return []any{2 + r.IntN(4)} }},
}
