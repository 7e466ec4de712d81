import {
  NO_HISTORY,
  NO_PARENT,
  NO_RECENT,
  type AccessFacts,
  type LeaseFacts,
  type ToolFacts,
} from '../../../src/core/facts.ts'

/** The facts of a small request, with some of them replaced. */
export const factsWith = (over: Partial<LeaseFacts> = {}): LeaseFacts => ({
  agent: {
    id: 'support-bot',
    owner: 'dana@example.com',
    trust: 'medium',
    issuer: 'ci',
    claims: {},
    recent: { hour: NO_RECENT, day: NO_RECENT },
  },
  intent: { purpose: 'customer-support', data_classes: [], autonomy: 'supervised', origin: 'user' },
  declared: { goal: 'x', purpose: '', data_classes: [], autonomy: '', origin: '', on_behalf_of: '' },
  access: [grantFacts('refunds-api')],
  tools: [toolFacts('orders.get')],
  ttl: 300,
  task: { id: 'run-1', open_leases: 0, outcomes: [] },
  parent: NO_PARENT,
  now: { hour: 12, weekday: 3 },
  context: {},
  history: NO_HISTORY,
  ...over,
})

export const grantFacts = (grant: string, over: Partial<AccessFacts> = {}) => ({
  grant,
  provider: 'tokens',
  type: 'jwt',
  actions: ['read'],
  resources: [],
  labels: [],
  broad: false,
  ...over,
})

export const toolFacts = (tool: string, over: Partial<ToolFacts> = {}) => ({
  tool,
  labels: [],
  bounded: [],
  max_calls: 0,
  only: false,
  ...over,
})
