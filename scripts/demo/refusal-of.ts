import { MayflyProblem } from '../../src/client/mayfly-problem.ts'
import { DemoFailed } from './demo-failed.ts'

/** The no that the broker must say here. A yes would be a hole, and ends the demo. */
export async function refusalOf(asked: Promise<unknown>, slug: string): Promise<MayflyProblem> {
  try {
    await asked
  } catch (error) {
    if (error instanceof MayflyProblem && error.slug === slug) return error
    throw error
  }
  throw new DemoFailed(`The broker granted what it must refuse (${slug}).`, 'This is a hole: please report it.')
}
