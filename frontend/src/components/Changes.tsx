import { useInfiniteQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { api, type Comparison, must } from '../api/client'
import { pairId } from '../graph/aggregate'
import type { Selection } from '../graph/GraphView'
import { both, nameOf, pairName, units } from '../lib/format'
import { compareParams, type CompareSearch, isFiltered } from '../lib/filters'
import { Failure, Loading } from './States'

const page = 100

/** The changed elements of one aspect, filtered by what stands in the address, page by page. */
export function Changes({ d, fixed, selection }: { d: Comparison; fixed: boolean; selection: Selection }) {
  const search = useSearch({ from: '/compare/$range' })
  const navigate = useNavigate({ from: '/compare/$range' })
  const set = (change: Partial<CompareSearch>) => void navigate({ search: (old) => ({ ...old, ...change }), replace: true })
  const pages = useInfiniteQuery({
    queryKey: ['changes', d.baseline.snapshot_id, d.target.snapshot_id, search],
    initialPageParam: 0,
    queryFn: ({ pageParam }) =>
      must(
        api.GET('/api/performance/snapshots/compare', {
          params: { query: { baseline: d.baseline.snapshot_id, target: d.target.snapshot_id, source: d.baseline.source, ...compareParams(search), offset: pageParam, limit: page } },
        }),
      ),
    getNextPageParam: (last) => last.next_offset ?? undefined,
    staleTime: fixed ? Infinity : 0,
  })
  const changes = pages.data?.pages.flatMap((p) => p.changes) ?? []
  const total = pages.data?.pages[0]?.total_changes ?? 0
  const shown = selection ? changes.filter((c) => c.id === selection.id || (c.source !== undefined && pairId(c.source, c.target ?? '') === selection.id)) : changes
  const types = [...new Set([d.baseline, d.target].flatMap((r) => [...Object.keys(r.relationship_types ?? {}), ...Object.keys(r.labels ?? {})]))].sort()
  return (
    <>
      <form className="filters" onSubmit={(e) => e.preventDefault()}>
        <input type="search" aria-label="Search changes" placeholder="Part of the key ( / )" value={search.q ?? ''} onChange={(e) => set({ q: e.target.value || undefined })} />
        <select aria-label="Type" value={search.type ?? ''} onChange={(e) => set({ type: e.target.value || undefined })}>
          <option value="">Type: any</option>
          {types.map((t) => (
            <option key={t}>{t}</option>
          ))}
        </select>
        <select aria-label="Status" value={search.status ?? ''} onChange={(e) => set({ status: (e.target.value || undefined) as CompareSearch['status'] })}>
          <option value="">Status: any</option>
          <option>added</option>
          <option>removed</option>
          <option>changed</option>
        </select>
        <label>
          from{' '}
          <input type="number" min="0" step="5" className="short" aria-label="Smallest change, percent" value={search.min ?? ''} onChange={(e) => set({ min: Number(e.target.value) > 0 ? Number(e.target.value) : undefined })} /> %
        </label>
        {isFiltered(search) && (
          <button type="button" onClick={() => void navigate({ search: (old) => ({ aspect: old.aspect }), replace: true })}>
            Clear
          </button>
        )}
      </form>
      {pages.isPending && <Loading what="the changes" />}
      {pages.isError && <Failure error={pages.error} retry={() => void pages.refetch()} />}
      {pages.isSuccess && (
        <p className="dim" role="status">
          {total === 0 ? (isFiltered(search) ? 'No change fits these filters.' : 'Nothing of this kind changed.') : selection ? `${shown.length} of the chosen element, among ${changes.length} of ${total}` : `${changes.length} of ${total}`}
        </p>
      )}
      {shown.length > 0 && (
        <table className="list">
          <tbody>
            {shown.map((c) => (
              <tr key={c.kind + c.id} data-testid="change">
                <td>
                  {{ added: '+ ', removed: '− ', changed: '' }[c.status]}
                  {c.status}
                  <div className="dim">{c.type}</div>
                </td>
                <td title={c.id}>{c.source ? pairName(c.source, c.target ?? '') : nameOf(c.id)}</td>
                <td className="n wrap">{c.value ? both(c.value, units[c.type] ?? '') : c.properties.map((p) => p.name).join(', ')}</td>
                <td>{c.direction}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {pages.hasNextPage && (
        <button className="more" onClick={() => void pages.fetchNextPage()} disabled={pages.isFetchingNextPage}>
          {pages.isFetchingNextPage ? 'Loading …' : `Show ${Math.min(page, total - changes.length)} more`}
        </button>
      )}
    </>
  )
}
