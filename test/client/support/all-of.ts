/** Everything that an async iteration gives, in order. */
export async function allOf<T>(things: AsyncIterable<T>): Promise<readonly T[]> {
  const all: T[] = []
  for await (const thing of things) all.push(thing)
  return all
}
