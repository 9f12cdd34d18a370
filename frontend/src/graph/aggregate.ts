import type { GraphNode, GraphRelationship } from '../api/client'

/** One drawn edge: all relationships between two nodes, with the value of the chosen metric. */
export type PairEdge = {
  id: string
  source: string
  target: string
  /** Value of the chosen metric; null where the pair lacks it. */
  value: number | null
  severity: string
  relationships: GraphRelationship[]
}

export function valueOf(r: GraphRelationship): number | null {
  const v = r.properties['value']
  return typeof v === 'number' ? v : null
}

export function pairId(source: string, target: string): string {
  return `${source}\u0000${target}`
}

const ranks: Record<string, number> = { low: 1, medium: 2, high: 3, critical: 4 }

export function worse(a: string, b: string): string {
  return (ranks[b] ?? 0) > (ranks[a] ?? 0) ? b : a
}

/** Aggregates relationships to one edge a pair. With the metric REFERENCES only structure is left, without values. */
export function aggregate(relationships: GraphRelationship[], metric: string): PairEdge[] {
  const pairs = new Map<string, PairEdge>()
  for (const r of relationships) {
    const id = pairId(r.source, r.target)
    let edge = pairs.get(id)
    if (!edge) {
      edge = { id, source: r.source, target: r.target, value: null, severity: '', relationships: [] }
      pairs.set(id, edge)
    }
    edge.relationships.push(r)
    const severity = String(r.properties['severity'] ?? '')
    edge.severity = worse(edge.severity, severity)
    if (r.type === metric) {
      const v = valueOf(r)
      if (v !== null) edge.value = edge.value === null ? v : Math.max(edge.value, v)
    }
  }
  return [...pairs.values()]
}

/** The metrics of a graph, those of most interest first; REFERENCES stands for structure alone. */
export function metricsOf(relationships: GraphRelationship[]): string[] {
  const present = new Set(relationships.map((r) => r.type))
  const known = ['AVG_LATENCY_MS', 'TIME_MS_PER_S', 'QUERIES_PER_SEC', 'JOIN_FREQUENCY', 'ROWS_PER_SEC', 'HOTSPOT_SCORE', 'INDEX_EFFICIENCY']
  const others = [...present].filter((t) => !known.includes(t) && t !== 'REFERENCES').sort()
  return [...known.filter((t) => present.has(t)), ...others, ...(present.has('REFERENCES') ? ['REFERENCES'] : [])]
}

/** At most this many nodes are drawn; the rest is in the table. */
export const mostNodes = 2000

/** The nodes to draw: all, or those with the highest score. */
export function visible(nodes: GraphNode[]): GraphNode[] {
  if (nodes.length <= mostNodes) return nodes
  return [...nodes].sort((a, b) => scoreOf(b) - scoreOf(a) || a.id.localeCompare(b.id)).slice(0, mostNodes)
}

export function scoreOf(n: GraphNode): number {
  const v = n.properties['hotspot_score']
  return typeof v === 'number' ? v : 0
}
