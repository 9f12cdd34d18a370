import { figure, noData, units } from '../lib/format'
import { noDataColor, scale } from '../graph/appearance'

/** The key to the colours, which is also where the metric is chosen. */
export function Legend({ metrics, metric, most, onMetric }: { metrics: string[]; metric: string; most: number; onMetric: (m: string) => void }) {
  const unit = units[metric] ?? ''
  return (
    <div className="legend">
      <label>
        Lines show{' '}
        <select value={metric} onChange={(e) => onMetric(e.target.value)} aria-label="Metric of the lines">
          {metrics.map((m) => (
            <option key={m}>{m}</option>
          ))}
        </select>
      </label>
      {metric !== 'REFERENCES' && (
        <span className="scale">
          <span>{figure(0)}</span>
          {scale.map((c) => (
            <i key={c} style={{ background: c }} />
          ))}
          <span>{figure(most, unit)}</span>
        </span>
      )}
      <span className="scale">
        <i className="hatched" style={{ color: noDataColor }} /> {noData}
      </span>
      <span className="dim">Circles: size by hotspot score, colour by severity</span>
    </div>
  )
}
