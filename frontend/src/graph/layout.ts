import Graph from 'graphology'
import forceAtlas2 from 'graphology-layout-forceatlas2'

export type Point = { x: number; y: number }
export type Layout = Record<string, Point>

/** A number between 0 and 1 that depends on the text alone (FNV-1a). */
export function hash(text: string): number {
  let h = 0x811c9dc5
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193)
  return (h >>> 0) / 0x100000000
}

/**
 * Places nodes so that the same node keeps its place: those in `known` do not move, new ones start near their neighbours.
 * The result depends on the input alone, not on the order of nodes or edges.
 */
export function place(keys: string[], edges: [string, string][], known: Layout = {}): Layout {
  const graph = new Graph({ type: 'undirected', multi: false })
  const sorted = [...new Set(keys)].sort()
  const radius = 10 * Math.sqrt(sorted.length || 1)
  const sortedEdges = edges.map(([a, b]) => (a < b ? [a, b] : [b, a]) as [string, string]).sort((p, q) => (p[0] + p[1] < q[0] + q[1] ? -1 : 1))
  const neighbours = new Map<string, string[]>()
  for (const [a, b] of sortedEdges) {
    neighbours.set(a, [...(neighbours.get(a) ?? []), b])
    neighbours.set(b, [...(neighbours.get(b) ?? []), a])
  }
  let fresh = 0
  sorted.forEach((key, i) => {
    const at = known[key]
    if (at) {
      graph.addNode(key, { ...at, fixed: true })
      return
    }
    fresh++
    const near = (neighbours.get(key) ?? []).map((n) => known[n]).filter((p): p is Point => p !== undefined)
    const angle = near.length ? hash(key) * 2 * Math.PI : (i / sorted.length) * 2 * Math.PI
    const around = near.length ? { x: mean(near, 'x'), y: mean(near, 'y') } : { x: 0, y: 0 }
    const distance = near.length ? radius / 4 : radius
    graph.addNode(key, { x: around.x + distance * Math.cos(angle), y: around.y + distance * Math.sin(angle) })
  })
  for (const [a, b] of sortedEdges) {
    if (a !== b && graph.hasNode(a) && graph.hasNode(b) && !graph.hasEdge(a, b)) graph.addEdge(a, b)
  }
  if (fresh > 0 && graph.order > 1) {
    const iterations = graph.order > 1000 ? 60 : graph.order > 200 ? 200 : 600
    forceAtlas2.assign(graph, { iterations, settings: { ...forceAtlas2.inferSettings(graph), gravity: 1.2, scalingRatio: 14, barnesHutOptimize: graph.order > 300 } })
  }
  const out: Layout = {}
  graph.forEachNode((key, a) => {
    out[key] = { x: Number(a['x']), y: Number(a['y']) }
  })
  return out
}

function mean(points: Point[], axis: 'x' | 'y'): number {
  return points.reduce((sum, p) => sum + p[axis], 0) / points.length
}

function stored(name: string): Layout {
  try {
    return JSON.parse(localStorage.getItem(name) ?? '{}') as Layout
  } catch {
    return {}
  }
}

const memory = new Map<string, Layout>()

/** The layout of a source: kept in this browser, so that every snapshot and comparison shows a node at one place. */
export function layoutOf(source: string, keys: string[], edges: [string, string][]): Layout {
  const name = `graphsnap.layout.1.${source}`
  let known: Layout = memory.get(source) ?? stored(name)
  if (keys.some((k) => known[k] === undefined)) {
    known = { ...known, ...place(keys, edges, known) }
    try {
      localStorage.setItem(name, JSON.stringify(known))
    } catch {
      // A full or forbidden store costs only the memory over reloads.
    }
  }
  memory.set(source, known)
  return known
}
