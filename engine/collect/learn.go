package collect

import "strings"

// learn parses statements that are new and forgets those that are gone. Only what was learned is kept, not the text.
func (c *Collector) learn(texts map[int64]string) {
	begun := c.o.Clock.Now()
	for id, text := range texts {
		if c.o.Clock.Now().Sub(begun) > learnTimeout {
			delete(c.reader.known, id) // its turn is in the next round
			continue
		}
		if text == "" {
			continue // lost by the server
		}
		if strings.Contains(text, mark) {
			c.own[id] = true
			continue
		}
		if check, ok := readCheck(text); ok {
			c.checks[id] = check
		}
		c.digests[id] = digestOf(text)
		if !c.o.WithoutTexts {
			c.texts[id] = storable(text)
		}
		u, err := parseUsage(text, c.catalog)
		switch {
		case err != nil:
			c.o.Logger.Debug("a statement cannot be parsed; its time stays unattributed", "source", c.o.Source.Name, "queryid", id, "err", err)
			if isUtility(text) {
				c.utility[id] = true
			}
		default:
			c.usages[id], c.utility[id] = u, u.maintenance
		}
	}
	forget(c.usages, c.reader.known)
	forget(c.utility, c.reader.known)
	forget(c.own, c.reader.known)
	forget(c.digests, c.reader.known)
	forget(c.texts, c.reader.known)
	forget(c.checks, c.reader.known)
}

func forget[T any](learned map[int64]T, alive map[int64]bool) {
	for id := range learned {
		if !alive[id] {
			delete(learned, id)
		}
	}
}

// isUtility recognises statements that plan nothing by their first word, for text that does not parse: normalised
// utility statements are not always valid SQL.
func isUtility(text string) bool {
	word, _, _ := strings.Cut(strings.TrimSpace(text), " ")
	switch strings.ToUpper(strings.TrimRight(word, ";")) {
	case "SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "WITH", "VALUES", "TABLE":
		return false
	}
	return true
}
