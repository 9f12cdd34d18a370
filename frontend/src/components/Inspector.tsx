import type { SnapshotDocument } from '../api/client'
import { pairId, valueOf } from '../graph/aggregate'
import type { Selection } from '../graph/GraphView'
import { figure, nameOf, pairName, units } from '../lib/format'

/** Everything about the chosen node or pair. */
export function Inspector({ graph, selection, onSelect }: { graph: SnapshotDocument['graph_state']; selection: Selection; onSelect: (s: Selection) => void }) {
  if (!selection) {
    return (
      <aside className="inspector" aria-label="Inspector">
        <p className="dim">Choose a table or a line in the graph, or a row of the table, to see all that is known about it.</p>
      </aside>
    )
  }
  if (selection.kind === 'node') {
    const node = graph.nodes.find((n) => n.id === selection.id)
    if (!node) return null
    const around = graph.relationships.filter((r) => r.source === node.id || r.target === node.id)
    const others = [...new Map(around.map((r) => [pairId(r.source, r.target), r])).values()]
    return (
      <aside className="inspector" aria-label="Inspector" data-testid="inspector">
        <h2>{nameOf(node.id)}</h2>
        <p className="dim">
          {node.type} · {node.id}
        </p>
        <Properties of={node.properties} />
        <h3>Related to</h3>
        <ul className="plain">
          {others.map((r) => (
            <li key={r.id}>
              <button className="link" onClick={() => onSelect({ kind: 'edge', id: pairId(r.source, r.target) })}>
                {pairName(r.source, r.target)}
              </button>
            </li>
          ))}
        </ul>
      </aside>
    )
  }
  const rels = graph.relationships.filter((r) => pairId(r.source, r.target) === selection.id)
  const first = rels[0]
  if (!first) return null
  return (
    <aside className="inspector" aria-label="Inspector" data-testid="inspector">
      <h2>{pairName(first.source, first.target)}</h2>
      {rels.map((r) => (
        <details key={r.id} open={rels.length < 3}>
          <summary>
            <span>{r.type}</span>
            <b>{valueOf(r) === null ? '' : figure(valueOf(r), units[r.type] ?? '')}</b>
            {typeof r.properties['severity'] === 'string' && <Severity level={String(r.properties['severity'])} />}
          </summary>
          <Properties of={r.properties} />
        </details>
      ))}
    </aside>
  )
}

function Properties({ of }: { of: Record<string, unknown> }) {
  const names = Object.keys(of).sort()
  if (names.length === 0) return <p className="dim">no properties</p>
  return (
    <table className="properties">
      <tbody>
        {names.map((name) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            <td>{show(of[name])}</td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

function show(value: unknown): string {
  if (typeof value === 'number') return Number.isInteger(value) ? value.toLocaleString('en-US') : figure(value)
  return Array.isArray(value) ? value.join(', ') : String(value)
}

export function Severity({ level }: { level: string }) {
  return <span className={`severity ${level}`}>{level || '–'}</span>
}
