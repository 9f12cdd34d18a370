import Graph from 'graphology'
import { useEffect, useRef, useState } from 'react'
import Sigma from 'sigma'
import { EdgeArrowProgram } from 'sigma/rendering'
import type { Layout } from './layout'

export type DrawnNode = { key: string; label: string; size: number; color: string }
export type DrawnEdge = { id: string; source: string; target: string; size: number; color: string; label: string }
export type Selection = { kind: 'node' | 'edge'; id: string } | null

type Props = {
  nodes: DrawnNode[]
  edges: DrawnEdge[]
  layout: Layout
  selection: Selection
  onSelect: (selection: Selection) => void
  label: string
}

/** Whether this browser can draw at all. */
export function hasWebGL(): boolean {
  try {
    return document.createElement('canvas').getContext('webgl2') !== null
  } catch {
    return false
  }
}

/** The one place that knows sigma: draws what it is given and tells what was clicked. */
export function GraphView({ nodes, edges, layout, selection, onSelect, label }: Props) {
  const box = useRef<HTMLDivElement>(null)
  const sigma = useRef<Sigma | null>(null)
  const chosen = useRef<Selection>(selection)
  const select = useRef(onSelect)
  const [dark, setDark] = useState(() => matchMedia('(prefers-color-scheme: dark)').matches)
  select.current = onSelect

  useEffect(() => {
    const scheme = matchMedia('(prefers-color-scheme: dark)')
    const listen = () => setDark(scheme.matches)
    scheme.addEventListener('change', listen)
    return () => scheme.removeEventListener('change', listen)
  }, [])

  useEffect(() => {
    if (!box.current) return
    const ink = dark ? '#dbe4ee' : '#1b2733'
    const graph = new Graph({ multi: true, type: 'directed' })
    for (const n of nodes) {
      const at = layout[n.key] ?? { x: 0, y: 0 }
      graph.addNode(n.key, { x: at.x, y: at.y, label: n.label, size: n.size, color: n.color, zIndex: 1 })
    }
    for (const e of edges) {
      // A loop would be drawn as nothing; it is listed in the table and in the inspector.
      if (e.source !== e.target && graph.hasNode(e.source) && graph.hasNode(e.target)) {
        graph.addEdgeWithKey(e.id, e.source, e.target, { size: e.size, color: e.color, label: e.label })
      }
    }
    const view = new Sigma(graph, box.current, {
      allowInvalidContainer: true,
      defaultEdgeType: 'arrow',
      edgeProgramClasses: { arrow: EdgeArrowProgram },
      enableEdgeEvents: true,
      labelColor: { color: ink },
      labelFont: 'system-ui, sans-serif',
      labelSize: 13,
      labelWeight: '600',
      labelDensity: 1.4,
      labelRenderedSizeThreshold: nodes.length > 200 ? 9 : 0,
      renderEdgeLabels: edges.length <= 120,
      edgeLabelColor: { color: ink },
      edgeLabelSize: 11,
      edgeLabelFont: 'system-ui, sans-serif',
      stagePadding: 60,
      zIndex: true,
      nodeReducer: (key, data) => {
        const s = chosen.current
        if (!s) return data
        const near = s.kind === 'node' ? key === s.id || graph.areNeighbors(key, s.id) : graph.hasEdge(s.id) && graph.hasExtremity(s.id, key)
        return near ? { ...data, highlighted: s.kind === 'node' && key === s.id } : { ...data, color: dark ? '#33404e' : '#dfe5eb', label: '' }
      },
      edgeReducer: (key, data) => {
        const s = chosen.current
        if (!s) return data
        const near = s.kind === 'edge' ? key === s.id : graph.hasNode(s.id) && graph.hasExtremity(key, s.id)
        return near ? { ...data, forceLabel: true } : { ...data, color: dark ? '#2a3542' : '#e9edf2', label: '' }
      },
    })
    view.on('clickNode', ({ node }) => select.current({ kind: 'node', id: node }))
    view.on('clickEdge', ({ edge }) => select.current({ kind: 'edge', id: edge }))
    view.on('clickStage', () => select.current(null))
    sigma.current = view
    return () => {
      view.kill()
      sigma.current = null
    }
  }, [nodes, edges, layout, dark])

  useEffect(() => {
    chosen.current = selection
    sigma.current?.refresh({ skipIndexation: true })
  }, [selection])

  useEffect(() => {
    const fit = (e: KeyboardEvent) => {
      if (e.key === 'f' && !(e.target instanceof HTMLInputElement) && !e.ctrlKey && !e.metaKey) void sigma.current?.getCamera().animatedReset()
    }
    addEventListener('keydown', fit)
    return () => removeEventListener('keydown', fit)
  }, [])

  return <div ref={box} className="canvas" role="img" aria-label={label} data-testid="graph" />
}
