/** Roles are cumulative: each may do what those before it may. */
export const ROLES = ['viewer', 'approver', 'operator', 'admin'] as const
export type Role = (typeof ROLES)[number]

export const hasRole = (role: Role, needed: Role): boolean => ROLES.indexOf(role) >= ROLES.indexOf(needed)
