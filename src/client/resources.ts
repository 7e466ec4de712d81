import type { components, operations } from './openapi.gen.ts'

type Schemas = components['schemas']
type QueryOf<Name extends 'getLeases' | 'getApprovals' | 'getAgents' | 'getCredentials' | 'getFreezes'> = NonNullable<
  operations[Name]['parameters']['query']
>
type BodyOf<Name extends 'postLeasesLeaseComplete' | 'postApprovalsApprovalApprove' | 'postApprovalsApprovalDeny'> =
  operations[Name]['requestBody']['content']['application/json']

/** What the API takes and shows, under short names. Everything here is generated from its OpenAPI document. */
export type LeaseRequest = Schemas['LeaseRequest']
export type NewLease = Schemas['NewLease']
export type Lease = Schemas['Lease']
export type LeaseRow = Schemas['LeaseRow']
export type LeaseState = Lease['state']
export type Decision = Schemas['Decision']
export type Credential = Schemas['Credential']
export type Approval = Schemas['Approval']
export type ApprovalSubject = Schemas['ApprovalSubject']
export type AbandonSubject = Schemas['AbandonSubject']
export type ApprovalLink = Schemas['ApprovalLink']
export type Agent = Schemas['Agent']
export type Whoami = Schemas['Whoami']
export type Freeze = Schemas['Freeze']
export type Scope = Schemas['Scope']
export type RevokedScope = operations['postAgentsAgentRevoke']['responses'][200]['content']['application/json']
export type AuditRecord = Schemas['AuditRecord']
export type Recovery = Schemas['Recovery']
export type SigningKey = Schemas['SigningKey']
export type AuditStream = AuditRecord['stream']
export type ProblemDocument = Schemas['Problem']

export type LeaseQuery = QueryOf<'getLeases'>
export type ApprovalQuery = QueryOf<'getApprovals'>
export type AgentQuery = QueryOf<'getAgents'>
export type CredentialQuery = QueryOf<'getCredentials'>
export type FreezeQuery = QueryOf<'getFreezes'>
export type Completion = BodyOf<'postLeasesLeaseComplete'>
export type Yes = BodyOf<'postApprovalsApprovalApprove'>
export type No = BodyOf<'postApprovalsApprovalDeny'>

/** A credential in the answer that minted it: the only place where its secret is. */
export type MintedCredential = Credential & { readonly value: NonNullable<Credential['value']> }

/** One page of a list. */
export interface Page<T> {
  readonly items: readonly T[]
  /** Passed back with the same query it gives the next page; null on the last. */
  readonly next_cursor: string | null
}
