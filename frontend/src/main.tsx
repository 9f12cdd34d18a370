import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { createRootRoute, createRoute, createRouter, Outlet, RouterProvider } from '@tanstack/react-router'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { connect } from './api/socket'
import { ProblemError } from './api/client'
import { Header } from './components/Header'
import { CaseScreen } from './screens/CaseScreen'
import { CasesScreen } from './screens/CasesScreen'
import { CompareScreen } from './screens/CompareScreen'
import { ConnectionsScreen } from './screens/ConnectionsScreen'
import { listFilters, type ListSearch, SnapshotsScreen } from './screens/SnapshotsScreen'
import { SnapshotScreen, type SnapshotSearch } from './screens/SnapshotScreen'
import { TriggersScreen } from './screens/TriggersScreen'
import { caseSearch, casesSearch, triggersSearch } from './lib/cases'
import { compareSearch } from './lib/filters'
import './styles.css'

const queries = new QueryClient({
  defaultOptions: { queries: { retry: (n, e) => n < 2 && !(e instanceof ProblemError && e.status >= 400 && e.status < 500), refetchOnWindowFocus: false } },
})

const root = createRootRoute({
  component: () => (
    <>
      <Header />
      <Outlet />
    </>
  ),
  notFoundComponent: () => <p className="state">There is no such page.</p>,
})

const text = (v: unknown) => (typeof v === 'string' || typeof v === 'number' ? String(v) : undefined)

const routes = [
  createRoute({
    getParentRoute: () => root,
    path: '/',
    component: SnapshotsScreen,
    validateSearch: (s: Record<string, unknown>): ListSearch => Object.fromEntries([...listFilters, 'zoom' as const].map((f) => [f, text(s[f])]).filter(([, v]) => v !== undefined)),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/snapshots/$id',
    component: SnapshotScreen,
    validateSearch: (s: Record<string, unknown>): SnapshotSearch => ({ tab: s['tab'] === 'table' || s['tab'] === 'raw' ? s['tab'] : undefined, metric: text(s['metric']) }),
  }),
  createRoute({ getParentRoute: () => root, path: '/compare/$range', component: CompareScreen, validateSearch: compareSearch }),
  createRoute({ getParentRoute: () => root, path: '/cases', component: CasesScreen, validateSearch: casesSearch }),
  createRoute({ getParentRoute: () => root, path: '/cases/$id', component: CaseScreen, validateSearch: caseSearch }),
  createRoute({ getParentRoute: () => root, path: '/triggers', component: TriggersScreen, validateSearch: triggersSearch }),
  createRoute({ getParentRoute: () => root, path: '/connections', component: ConnectionsScreen }),
] as const

const router = createRouter({ routeTree: root.addChildren(routes), defaultPreload: false })

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router
  }
}

connect(queries)
createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <QueryClientProvider client={queries}>
      <RouterProvider router={router} />
    </QueryClientProvider>
  </StrictMode>,
)
