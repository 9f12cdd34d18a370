package collect

import "testing"

// BenchmarkParseUsage times the resolving of one new statement; known ones are not parsed again.
func BenchmarkParseUsage(b *testing.B) {
	c := shopCatalog()
	for b.Loop() {
		if _, err := parseUsage(`SELECT * FROM users u JOIN orders o ON o.user_id = u.id JOIN order_items i ON i.order_id = o.id WHERE u.id = $1`, c); err != nil {
			b.Fatal(err)
		}
	}
}
