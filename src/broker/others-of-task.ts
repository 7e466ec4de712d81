import type { Reads } from './store-port.ts'

/** The lease itself is open by now, and was not when it was first judged: the rules see the others only. */
export const othersOfTask = (reads: Reads): Pick<Reads, 'taskSoFar'> => ({
  taskSoFar: (agent, task) => {
    const { openLeases, outcomes } = reads.taskSoFar(agent, task)
    return { openLeases: openLeases - 1, outcomes }
  },
})
