/**
 * Change events, kept inside a tenant. The protocol library's own bus hands every event to every listener and
 * leaves the filtering to the URI that the client asked for, so any caller who names a URI would hear of
 * another tenant's changes. Here a subscription is opened for one tenant and a set of projects, and an event is
 * published for one project; the two never meet otherwise.
 *
 * Publishing is local to this process. With several instances each one publishes what it hears from the others.
 */
import type { ServerEvent } from '@modelcontextprotocol/server'
import type { Project } from '../../domain/context.ts'

export type EventProject = Pick<Project, 'id' | 'organizationId'>

export interface SubscriptionScope {
  /** Organization whose events may be heard at all. */
  readonly tenantId: string
  /** Which of the tenant's projects are heard. Called for each event, so it may follow membership changes. */
  includes(projectId: string): boolean
}

export interface TenantSubscription {
  attach(listener: (event: ServerEvent) => void): void
  isAttached(): boolean
  /** Gives the place back. Safe to call twice. */
  close(): void
}

export interface TenantBus {
  /** Tells the subscribers of this project, and nobody else. */
  publishFor(project: EventProject, event: ServerEvent): void
  /** Reserves a subscription; `undefined` when the tenant or the instance has reached its limit. */
  open(scope: SubscriptionScope): TenantSubscription | undefined
  /** Open subscriptions of one tenant. */
  count(tenantId: string): number
}

export interface TenantBusLimits {
  readonly subscriptionsPerTenantMax: number
  /** All tenants on this instance together. */
  readonly subscriptionsMax: number
}

const defaultLimits: TenantBusLimits = { subscriptionsPerTenantMax: 500, subscriptionsMax: 10_000 }

interface Entry {
  readonly scope: SubscriptionScope
  listener: ((event: ServerEvent) => void) | undefined
}

export function createTenantBus(
  options: { limits?: Partial<TenantBusLimits>; onError?: (error: unknown) => void } = {},
): TenantBus {
  const limits = { ...defaultLimits, ...options.limits }
  const byTenant = new Map<string, Set<Entry>>()
  let total = 0

  return {
    publishFor(project, event) {
      for (const { scope, listener } of byTenant.get(project.organizationId) ?? []) {
        try {
          if (listener !== undefined && scope.includes(project.id)) listener(event)
        } catch (error) {
          options.onError?.(error)
        }
      }
    },
    open(scope) {
      const entries = byTenant.get(scope.tenantId) ?? new Set<Entry>()
      if (total >= limits.subscriptionsMax || entries.size >= limits.subscriptionsPerTenantMax)
        return undefined
      const entry: Entry = { scope, listener: undefined }
      byTenant.set(scope.tenantId, entries.add(entry))
      total++
      return {
        attach: (listener) => {
          entry.listener = listener
        },
        isAttached: () => entry.listener !== undefined,
        close: () => {
          entry.listener = undefined
          if (!entries.delete(entry)) return
          total--
          if (entries.size === 0) byTenant.delete(scope.tenantId)
        },
      }
    },
    count: (tenantId) => byTenant.get(tenantId)?.size ?? 0,
  }
}
