/** The filters of a comparison; all of them stand in the address. */
export type CompareSearch = {
  /** Which changes are listed; none shows the ranked pairs instead. */
  aspect?: 'metric' | 'structure'
  kind?: 'node' | 'relationship'
  type?: string
  status?: 'added' | 'removed' | 'changed'
  q?: string
  /** Smallest relative change, percent. */
  min?: number
}

const one = <T extends string>(v: unknown, ...of: T[]): T | undefined => of.find((x) => x === v)

/** Reads the filters from an address; what means nothing is left out. */
export function compareSearch(s: Record<string, unknown>): CompareSearch {
  const min = Number(s['min'])
  const read: CompareSearch = {
    aspect: one(s['aspect'], 'metric', 'structure'),
    kind: one(s['kind'], 'node', 'relationship'),
    type: typeof s['type'] === 'string' ? s['type'] : undefined,
    status: one(s['status'], 'added', 'removed', 'changed'),
    q: typeof s['q'] === 'string' || typeof s['q'] === 'number' ? String(s['q']) : undefined,
    min: Number.isFinite(min) && min > 0 ? min : undefined,
  }
  return Object.fromEntries(Object.entries(read).filter(([, v]) => v !== undefined && v !== '')) as CompareSearch
}

/** The filters as the API takes them. */
export function compareParams(s: CompareSearch) {
  return {
    aspect: s.aspect,
    kind: s.kind,
    type: s.type ? [s.type] : undefined,
    status: s.status,
    q: s.q,
    min_change: s.min === undefined ? undefined : s.min / 100,
  }
}

/** Whether anything but the aspect narrows the list. */
export function isFiltered(s: CompareSearch): boolean {
  return Object.keys(s).some((k) => k !== 'aspect')
}

export type ExportChoice = { format: 'json' | 'cypher' | 'csv'; form: 'plain' | 'shell'; compression: '' | 'gzip' | 'zstd'; metadata: boolean }

/** The address of a download. */
export function exportAddress(id: string, c: ExportChoice): string {
  const q = new URLSearchParams({ format: c.format })
  if (c.format === 'cypher' && c.form !== 'plain') q.set('form', c.form)
  if (c.compression) q.set('compression', c.compression)
  if (!c.metadata) q.set('metadata', 'false')
  return `/api/performance/snapshots/${encodeURIComponent(id)}/export?${q}`
}
