import fc from 'fast-check'
import { twoClocks } from '../clocked-broker.ts'
import { beginning, commands } from './commands.ts'
import { checkEnd } from './invariants.ts'
import { createModel, type Model } from './model.ts'
import { stateMachineWorld, type Break, type World } from './world.ts'

/** Tells one story to a broker and to the model of one. */
async function tell(story: Iterable<fc.AsyncCommand<Model, World>>, breakIt?: Break): Promise<void> {
  const clocks = twoClocks()
  await using world = await stateMachineWorld(clocks, breakIt)
  const model = createModel(clocks)
  for (const step of beginning) await step.run(model, world)
  await fc.asyncModelRun(() => ({ model, real: world }), story)
  await checkEnd(model, world)
}

/** Every story keeps every invariant, with a broker that is whole or one that a control has broken. */
export const keepsItsInvariants = (breakIt?: Break) =>
  fc.asyncProperty(fc.commands([...commands], { maxCommands: 50, size: 'max' }), (story) => tell(story, breakIt))
