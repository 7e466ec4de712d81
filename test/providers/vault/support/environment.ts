/** Sets variables of this process until it is disposed. Only for libraries that read them behind everybody's back. */
export function withEnvironment(variables: Readonly<Record<string, string>>): Disposable {
  const before = Object.keys(variables).map((name) => [name, process.env[name]] as const)
  Object.assign(process.env, variables)
  return {
    [Symbol.dispose]() {
      for (const [name, value] of before) {
        if (value === undefined) Reflect.deleteProperty(process.env, name)
        else process.env[name] = value
      }
    },
  }
}

/** Keeps Node's warnings off the terminal while a test does what deserves them. */
export function withoutWarnings(): Disposable {
  const printing = process.listeners('warning')
  process.removeAllListeners('warning')
  return {
    [Symbol.dispose]() {
      for (const listener of printing) process.on('warning', listener)
    },
  }
}
