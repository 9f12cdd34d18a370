import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { api, type CaseRow, must } from '../api/client'
import { caseWindow, memberships } from '../lib/cases'

/** The cases that snapshots taken at these times belong to, by the id of the snapshot. Where the server keeps none it is empty. */
export function useCasesOf(times: string[]): Map<string, CaseRow> {
  const window = caseWindow(times)
  const query = useQuery({
    queryKey: ['cases', 'of', window],
    queryFn: () => must(api.GET('/api/performance/cases', { params: { query: { ...window, limit: 200 } } })),
    enabled: times.length > 0,
    placeholderData: keepPreviousData,
  })
  return memberships(query.data?.cases ?? [])
}

/** Leads from a snapshot to its case; nothing where it has none. */
export function CaseLink({ of }: { of: CaseRow | undefined }) {
  if (!of) return null
  return (
    <Link to="/cases/$id" params={{ id: of.case_id }} search={{}} className="case-link" title={of.case_id} data-testid="case-link">
      {of.state === 'open' ? '● open case' : 'case'}: {of.title || of.case_id}
    </Link>
  )
}
