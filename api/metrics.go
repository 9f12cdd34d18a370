package api

import (
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"graphsnap/engine"
)

// metrics are Graphsnap's own figures, for Prometheus.
type metrics struct {
	registry  *prometheus.Registry
	requests  *prometheus.HistogramVec
	captures  *prometheus.CounterVec
	ticks     *prometheus.CounterVec
	durations prometheus.Histogram
}

func newMetrics() *metrics {
	m := &metrics{
		registry:  prometheus.NewRegistry(),
		requests:  prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "graphsnap_http_request_seconds", Help: "Duration of HTTP requests."}, []string{"method", "route", "status"}),
		captures:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: "graphsnap_captures_total", Help: "Captures by source and result."}, []string{"source", "result"}),
		ticks:     prometheus.NewCounterVec(prometheus.CounterOpts{Name: "graphsnap_ticks_total", Help: "Collection rounds by source and status."}, []string{"source", "status"}),
		durations: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "graphsnap_capture_seconds", Help: "Duration of captures.", Buckets: prometheus.ExponentialBuckets(0.05, 2, 12)}),
	}
	m.registry.MustRegister(m.requests, m.captures, m.ticks, m.durations, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

func (m *metrics) measure(c *gin.Context) {
	timer := prometheus.NewTimer(prometheus.ObserverFunc(func(seconds float64) {
		if c.FullPath() != "/ws/performance" {
			m.requests.WithLabelValues(c.Request.Method, c.FullPath(), strconv.Itoa(c.Writer.Status())).Observe(seconds)
		}
	}))
	defer timer.ObserveDuration()
	c.Next()
}

func (m *metrics) event(ev engine.Event) {
	switch {
	case ev.Created != nil:
		m.captures.WithLabelValues(ev.Created.Source, "published").Inc()
		m.durations.Observe(ev.Created.CaptureDurationMS / 1000)
	case ev.Failed != nil:
		m.captures.WithLabelValues(ev.Failed.Source, "failed").Inc()
	case ev.Tick != nil:
		m.ticks.WithLabelValues(ev.Tick.State.Source, ev.Tick.State.Status).Inc()
	}
}
