import type { Context, Role, Scope } from './context.ts'
import { forbidden } from './errors.ts'

/** What each role may do at most. A credential's scopes narrow it further: effective = scope ∩ role. */
const roleScopes: Record<Role, readonly Scope[]> = {
  viewer: ['memory:read'],
  member: ['memory:read', 'memory:write'],
  admin: ['memory:read', 'memory:write', 'project:admin'],
  owner: ['memory:read', 'memory:write', 'project:admin', 'org:admin'],
}

/** A scope grants what it names and everything below it. */
const implied: Record<Scope, readonly Scope[]> = {
  'memory:read': ['memory:read'],
  'memory:write': ['memory:write', 'memory:read'],
  'project:admin': ['project:admin', 'memory:write', 'memory:read'],
  'org:admin': ['org:admin', 'project:admin', 'memory:write', 'memory:read'],
}

export const isAllowed = (principal: Context['principal'], scope: Scope) =>
  roleScopes[principal.role].includes(scope) &&
  principal.scopes.some((granted) => implied[granted].includes(scope))

/**
 * First line of every operation. The project was resolved for this principal's organization before, and the
 * check here repeats it: a context that mixes two tenants is a defect of ours and must not read anything.
 * @throws forbidden
 */
export const authorize = (ctx: Context, scope: Scope) => {
  if (ctx.project.organizationId !== ctx.principal.organizationId)
    throw forbidden('This project belongs to another organization.')
  if (isAllowed(ctx.principal, scope)) return
  throw forbidden(
    roleScopes[ctx.principal.role].includes(scope)
      ? `This key does not have the scope ${scope}. Ask the owner of the project for a key that has it.`
      : `Your role (${ctx.principal.role}) does not allow this. Ask an owner or admin of the organization.`,
    { scope },
  )
}
