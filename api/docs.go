package api

import (
	"html/template"
	"net/http"
	"sort"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"
)

// docsPage is drawn from the OpenAPI document here, because the usual pages load their program from elsewhere and this
// server must work without the Internet.
var docsPage = template.Must(template.New("docs").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Graphsnap API</title><meta name="viewport" content="width=device-width">
<style>
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b2430;background:#fff}
h2{font-size:1rem;margin:2rem 0 .3rem;border-top:1px solid #d7dde5;padding-top:1rem}
code{font:13px/1.4 ui-monospace,monospace}.m{display:inline-block;min-width:4.5rem;font-weight:700;color:#0a5bb5}
table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.2rem .8rem .2rem 0;vertical-align:top;font-size:13px}
@media (prefers-color-scheme:dark){body{background:#12171e;color:#d8dfe8}.m{color:#6cb2ff}h2{border-color:#2c3644}a{color:#6cb2ff}}
</style></head><body>
<h1>Graphsnap API</h1>
<p>{{.Description}} The machine-readable form is <a href="/api/openapi.json">/api/openapi.json</a> (OpenAPI 3.1).
Events come over the WebSocket <code>/ws/performance</code> as CloudEvents; <code>?since=SEQ</code> resumes.</p>
{{range .Operations}}<h2 id="{{.ID}}"><span class="m">{{.Method}}</span> <code>{{.Path}}</code></h2>
<p>{{.Summary}}</p>
{{if .Parameters}}<table><tr><th>parameter</th><th>in</th><th>meaning</th></tr>
{{range .Parameters}}<tr><td><code>{{.Name}}</code></td><td>{{.In}}</td><td>{{.About}}</td></tr>{{end}}</table>{{end}}
{{end}}</body></html>
`))

type docsOperation struct {
	ID, Method, Path, Summary string
	Parameters                []docsParameter
}

type docsParameter struct{ Name, In, About string }

func (s *Server) docs(c *gin.Context) {
	spec := s.api.OpenAPI()
	page := struct {
		Description string
		Operations  []docsOperation
	}{Description: spec.Info.Description}
	for path, item := range spec.Paths {
		for method, op := range map[string]*huma.Operation{http.MethodGet: item.Get, http.MethodPost: item.Post, http.MethodPut: item.Put, http.MethodDelete: item.Delete} {
			if op == nil {
				continue
			}
			d := docsOperation{ID: op.OperationID, Method: method, Path: path, Summary: op.Summary}
			for _, p := range op.Parameters {
				about := p.Description
				if about == "" && p.Schema != nil {
					about = p.Schema.Description
				}
				d.Parameters = append(d.Parameters, docsParameter{p.Name, p.In, about})
			}
			page.Operations = append(page.Operations, d)
		}
	}
	sort.Slice(page.Operations, func(i, j int) bool {
		a, b := page.Operations[i], page.Operations[j]
		return a.Path < b.Path || a.Path == b.Path && a.Method < b.Method
	})
	c.Header("Content-Type", "text/html; charset=utf-8")
	if err := docsPage.Execute(c.Writer, page); err != nil {
		s.o.Logger.Warn("the documentation page was cut short", "err", err)
	}
}
