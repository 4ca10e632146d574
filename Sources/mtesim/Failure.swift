// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import MachineModel
import Replay
import TraceFormat

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Why a command ends without success: one line for standard error, and an exit code.
///
/// The codes are those of `sysexits.h` where it has one.
struct Failure: Error, Equatable, CustomStringConvertible {
  /// The exit code of a command.
  enum Code: Int32 {
    /// A threshold or a verification failed.
    case verification = 1
    /// The command line is wrong.
    case usage = 64
    /// An input file's contents are wrong.
    case badInput = 65
    /// An input file is missing or unreadable.
    case missingInput = 66
    /// The program itself is wrong.
    case internalError = 70
    /// A result could not be written.
    case unwritableOutput = 74
  }

  var code: Code
  /// One line, without the program's name.
  var description: String

  init(_ code: Code, _ description: String) {
    self.code = code
    self.description = description
  }

  /// The failure that an error of a trace is for a command.
  init(_ error: TraceError) {
    switch error.kind {
    case .unreadableInput: code = .missingInput
    case .badData: code = .badInput
    case .unwritableOutput: code = .unwritableOutput
    }
    description = error.description
  }

  /// The failure that an error of a replay is for a command.
  init(_ error: ReplayError) {
    switch error {
    case .trace(let error):
      self.init(error)
    case .machine(let error):
      self.init(.usage, error.description)
    case .subject:
      self.init(.usage, error.description)
    case .event:
      self.init(.badInput, error.description)
    case .invariant:
      self.init(.internalError, error.description)
    }
  }

  /// Parses the command line, runs the command, and ends the program with the right code.
  static func run(_ command: (some ParsableCommand).Type) -> Never {
    do {
      var parsed = try command.parseAsRoot()
      try parsed.run()
      // Results that cannot be written are no success.
      guard fflush(nil) == 0 else {
        throw Failure(.unwritableOutput, "standard output: expected to write, found an error")
      }
      exit(0)
    } catch let failure as Failure {
      end(failure)
    } catch let error as TraceError {
      end(Failure(error))
    } catch {
      // Help and version are thrown too, with exit code 0; everything else is a usage error.
      if command.exitCode(for: error) == .success { command.exit(withError: error) }
      let line = UnknownCommand(CommandLine.arguments.dropFirst(), of: command)?.message
      StandardError.write((line ?? usageLine(of: error, in: command)) + "\n")
      exit(Code.usage.rawValue)
    }
  }

  /// What is wrong with a command line and where its help is, on one line.
  private static func usageLine(
    of error: any Error,
    in command: (some ParsableCommand).Type
  ) -> String {
    let message = command.message(for: error).split(separator: "\n").enumerated().map { line in
      // Long lists of alternatives come as a list of lines.
      guard line.element.hasPrefix("  - ") else { return String(line.element) }
      return (line.offset == 1 ? " " : ", ") + line.element.dropFirst(4)
    }
    let hint = command.fullMessage(for: error).split(separator: "\n").last {
      $0.hasPrefix("  See '")
    }
    guard let named = hint?.split(separator: "'").dropFirst().first else {
      return "mtesim: " + message.joined()
    }
    return "mtesim: " + message.joined() + " (see '\(named)')"
  }

  private static func end(_ failure: Failure) -> Never {
    StandardError.write("mtesim: \(failure)\n")
    exit(failure.code.rawValue)
  }
}

/// Where messages go, and progress.
enum StandardError {
  /// Whether somebody watches.
  static var isTerminal: Bool { isatty(STDERR_FILENO) == 1 }

  /// Writes text as it is.
  static func write(_ text: String) {
    let bytes = Array(text.utf8)
    #if canImport(Glibc)
    let function = unsafe Glibc.write
    #elseif canImport(Musl)
    let function = unsafe Musl.write
    #else
    let function = unsafe Darwin.write
    #endif
    // Sound: `bytes` is borrowed for the call, which reads exactly the count it is told. Nothing can
    // be done about a standard error that takes no bytes.
    _ = unsafe bytes.withUnsafeBytes { unsafe function(STDERR_FILENO, $0.baseAddress, $0.count) }
  }
}
