package collect

import (
	"regexp"
	"strings"

	"github.com/DataDog/go-sqllexer"
)

// Digests leave out what a parser must have: lists are `(...)`, charsets `(_charset)`, variables `@?`. These rules put
// something of the right kind in its place.
var digestRules = []struct {
	pattern *regexp.Regexp
	with    string
}{
	{regexp.MustCompile("`(?:[^`]|``)*`"), ""}, // quoted names stay as they are
	{regexp.MustCompile(`\(_charset\)`), ""},
	{regexp.MustCompile(`\bSQL_TSI_`), ""},
	{regexp.MustCompile(`@@?\s*\?`), "@v"},
	// These have a grammar of their own for their arguments, which the digest does not keep.
	{regexp.MustCompile(`\b(?:SUBSTR|SUBSTRING|MID|IF|TRIM|EXTRACT|POSITION|DATE_ADD|DATE_SUB|ADDDATE|SUBDATE|TIMESTAMPADD|TIMESTAMPDIFF|REPLACE|REPEAT|LEFT|RIGHT|MOD|INSERT|COALESCE|INTERVAL|FORMAT|CONVERT|GET_FORMAT|LOCATE|TRUNCATE|WEIGHT_STRING|QUARTER|YEAR|MONTH|DAY|HOUR|MINUTE|SECOND|CHAR)\s*\(\.\.\.\)`), "f(1)"},
	{regexp.MustCompile(`\b(?:TRUE|FALSE)\s*\(\.\.\.\)`), "f(1)"},
	{regexp.MustCompile(`\(\.\.\.\)`), "(1)"},
	{regexp.MustCompile(`\?\s*,\s*\.\.\.`), "1, 1"},
	{regexp.MustCompile(`\b(SEPARATOR|ESCAPE|AS|DATE|TIME|TIMESTAMP|OUTFILE|BY)\s+\?`), "$1 '1'"},
	{regexp.MustCompile(`\?`), "1"},
}

// digestSQL makes a text that parses of a digest's.
func digestSQL(text string) string {
	var out strings.Builder
	quoted := digestRules[0].pattern.FindAllStringIndex(text, -1)
	at := 0
	for _, q := range append(quoted, []int{len(text), len(text)}) {
		out.WriteString(fillGaps(text[at:q[0]]))
		out.WriteString(text[q[0]:q[1]])
		at = q[1]
	}
	return out.String()
}

func fillGaps(text string) string {
	for _, rule := range digestRules[1:] {
		text = rule.pattern.ReplaceAllString(text, rule.with)
	}
	return text
}

var (
	// returning is MariaDB's clause, which only gives back what a statement did.
	returning = regexp.MustCompile(`\sRETURNING\s.*$`)
	firstWord = regexp.MustCompile(`^[\s(]*([A-Za-z_]+)`)
)

// digestUsage reads a digest that ran in a schema. A text that was cut off, or that the parser does not know, is searched
// for names of tables: what stands in one statement belongs together, but nothing is known of how. It returns nil for
// statements of unknown content, such as CALL.
func digestUsage(text string, c *catalog, schema string) *usage {
	text = strings.TrimSpace(text)
	switch verb(text) {
	case "CALL", "EXECUTE":
		return nil
	}
	if statements, err := digestTrees(text, c, schema); err == nil {
		return resolveUsage(statements, c)
	}
	return scanUsage(text, c, schema)
}

func digestTrees(text string, c *catalog, schema string) ([]object, error) {
	sql := digestSQL(text)
	statements, err := mysqlTree(sql, c, schema)
	if err != nil {
		return mysqlTree(returning.ReplaceAllString(sql, ""), c, schema)
	}
	return statements, nil
}

// scanUsage finds the tables of a text that does not parse.
func scanUsage(text string, c *catalog, schema string) *usage {
	if !plans(verb(text)) {
		return &usage{maintenance: true}
	}
	normalizer := sqllexer.NewNormalizer(sqllexer.WithCollectTables(true))
	_, found, err := normalizer.Normalize(text, sqllexer.WithDBMS(sqllexer.DBMSMySQL))
	if err != nil {
		return nil
	}
	r := newResolver(c)
	for _, name := range found.Tables {
		in, table, ok := strings.Cut(strings.ReplaceAll(name, "`", ""), ".")
		if !ok {
			in, table = schema, in
		}
		in, table = c.spell(strings.TrimSpace(in), strings.TrimSpace(table))
		r.table(object{"schemaname": in, "relname": table}, &scope{})
	}
	if len(r.tables) == 0 {
		return nil
	}
	return r.usage()
}

func verb(text string) string {
	if m := firstWord.FindStringSubmatch(text); m != nil {
		return strings.ToUpper(m[1])
	}
	return ""
}

// plans says whether statements that begin with this word are planned.
func plans(verb string) bool {
	switch verb {
	case "SELECT", "INSERT", "UPDATE", "DELETE", "REPLACE", "WITH", "VALUES", "TABLE":
		return true
	}
	return false
}
