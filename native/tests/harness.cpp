#include "tests/harness.h"

#include <cstring>

namespace test {

int run(int argument_count, char** arguments) {
    std::printf("seed %llu\n", static_cast<unsigned long long>(Random::seed()));
    for (const Case& item : cases()) {
        if (argument_count < 2 || std::strcmp(arguments[argument_count - 1], item.name) != 0) {
            continue;
        }
        try {
            item.run();
            return 0;
        } catch (const Skipped& skipped) {
            std::printf("skipped: %s\n", skipped.what());
            return 77;
        } catch (const std::exception& failure) {
            std::printf("failed: %s: %s\n", item.name, failure.what());
            return 1;
        }
    }
    std::printf("no such test\n");
    return 1;
}

}  // namespace test
