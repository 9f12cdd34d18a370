import createClient from 'openapi-fetch'
import type { components, paths } from './schema'

export type Schemas = components['schemas']
export type Row = Schemas['Row']
export type Timeline = Schemas['Timeline']
export type TimelineRow = Schemas['TimelineRow']
export type SnapshotDocument = Schemas['Document']
export type Comparison = Schemas['Comparison']
export type Delta = Schemas['Delta']
export type ImportReport = Schemas['ImportReport']
export type VerifyReport = Schemas['VerifyReport']
export type Status = Schemas['Status']
export type DemoStatus = Schemas['DemoStatus']
export type CaseRow = Schemas['CaseRow']
export type CaseDocument = Schemas['CaseDocument']
export type CasePoint = Schemas['CasePoint']
export type CaseSnapshot = Schemas['CaseSnapshot']
export type RuleStatus = Schemas['RuleStatus']
export type RuleReplay = Schemas['RuleReplay']
export type Firing = Schemas['Firing']
export type RetentionPolicy = Schemas['RetentionPolicy']
export type RetentionRun = Schemas['RetentionRun']
export type GraphNode = Schemas['GraphNode']
export type GraphRelationship = Schemas['GraphRelationship']

/** A problem as the server reports it (RFC 9457), with what to do next. */
export class ProblemError extends Error {
  constructor(
    message: string,
    readonly status: number,
    readonly hint?: string,
  ) {
    super(message)
  }
}

export const api = createClient<paths>({ baseUrl: '' })

type Answer<T> = { data?: T; error?: unknown; response: Response }

/** Gives the data of an answer, or throws the problem. */
export async function must<T>(call: Promise<Answer<T>>): Promise<T> {
  let answer: Answer<T>
  try {
    answer = await call
  } catch {
    throw new ProblemError('The server does not answer.', 0, 'Is graphsnap still running? This page goes on by itself when it is back.')
  }
  if (answer.data !== undefined) return answer.data
  if (answer.response.ok) return undefined as T
  const p = (answer.error ?? {}) as { detail?: string; hint?: string }
  throw new ProblemError(p.detail ?? `The server answers ${answer.response.status}.`, answer.response.status, p.hint)
}
